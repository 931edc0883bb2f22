// Made from dashboard.components.pipeline by `python -m tests.support.state_types`; change that, not this.

export interface State {
  run: string
  at: string
  stamp: string
  x: string
  y: number | null
  shape: [number, number, number]
  classes: string[]
  latent_dim: number
  mode: string
  beta: number
  noise: number[] | null
  origin: "test" | "draw"
  drawing: string
  cut: number | null
  centre: boolean
  size: "stage" | "strip"
  palette: Record<"light" | "dark", Record<string, string>>
}
