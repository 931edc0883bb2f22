// Made from dashboard.views.learn.kl by `python -m tests.support.state_types`; change that, not this.

export interface State {
  mean: number
  sigma: number
  palette: Record<"light" | "dark", Record<string, string>>
}
