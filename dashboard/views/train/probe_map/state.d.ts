// Made from dashboard.views.train.probe_map by `python -m tests.support.state_types`; change that, not this.

export interface State {
  run: string
  latent_dim: number
  classes: string[]
  palette: Record<"light" | "dark", string[]>
}
