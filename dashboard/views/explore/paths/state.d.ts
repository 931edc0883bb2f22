// Made from dashboard.views.explore.paths by `python -m tests.support.state_types`; change that, not this.

export interface State {
  run: string
  stops: string
  kind: string
  pace: string
  radius: string
  sum: string
  classes: string[]
  conditional: boolean
  num_images: number
  max_stops: number
  radii: [number, number]
  shape: [number, number, number]
  at: string
  stamp: string
}
