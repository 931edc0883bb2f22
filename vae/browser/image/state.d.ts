// Made from dashboard.components.image by `python -m tests.support.state_types`; change that, not this.

export interface State {
  run: string
  z: number[]
  y: number | null
  mix: [number, number] | null
  classes: string[]
  shape: [number, number, number]
  at: string
  stamp: string
  size: number | null
  title: string
}
