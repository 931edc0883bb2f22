// Made from dashboard.views.explore.image_source by `python -m tests.support.state_types`; change that, not this.

export interface Posterior {
  row: number
  mean: number[]
  sigma: number[]
}

export interface State {
  run: string
  z: number[]
  y: number | null
  mix: [number, number] | null
  classes: string[]
  labels: string[]
  shape: [number, number, number]
  num_images: number
  missing: string
  tab: "test" | "draw" | "picture"
  drawing: string
  pointless: boolean
  drawn: boolean
  row: number | null
  posterior: Posterior | null
  cut: number | null
  centre: boolean
  at: string
  stamp: string
  diverging: Record<"light" | "dark", [string, string, string]>
}
