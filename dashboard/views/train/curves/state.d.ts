// Made from dashboard.views.train.curves by `python -m tests.support.state_types`; change that, not this.

export interface State {
  run: string
  x: "epoch" | "step" | "seconds"
  span: [number, number] | null
  height: number
  begun: string
  palette: Record<"light" | "dark", Record<string, string>>
}
