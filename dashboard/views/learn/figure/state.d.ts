// Made from dashboard.views.learn.figure by `python -m tests.support.state_types`; change that, not this.

export interface State {
  panels: any[]
  columns: number
  taken: number
  rows: string
  palette: Record<"light" | "dark", Record<string, string>>
  scale: Record<"light" | "dark", string[]>
}
