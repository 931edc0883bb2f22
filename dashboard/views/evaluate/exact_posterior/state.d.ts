// Made from dashboard.views.evaluate.exact_posterior by `python -m tests.support.state_types`; change that, not this.

export interface State {
  run: string
  panel: "test" | "draw"
  row: number
  drawing: string
  shape: [number, number, number]
  labels: string[]
  conditional: boolean
  y: number | null
  latent_dim: number
  cut: number | null
  centre: boolean
  missing: string
  stamp: string
  palette: Record<"light" | "dark", Record<string, string>>
  classes: Record<"light" | "dark", string[]>
}
