// Made from dashboard.components.sliders by `python -m tests.support.state_types`; change that, not this.

export interface Dim {
  index: number
  low: number
  high: number
  rate: number | null
  collapsed: boolean
}

export interface State {
  run: string
  dims: Dim[]
  z: number[]
  y: number | null
  mix: [number, number] | null
  classes: string[]
  y_label: string
  range: "data" | "prior"
  prior_range: number
  prior_points: number[][]
  full: boolean
  shape: [number, number, number]
  at: string
  stamp: string
  height: number | null
  bound: number
}
