// Made from dashboard.components.time by `python -m tests.support.state_types`; change that, not this.

export interface State {
  run: string
  step: number | null
  state: string
  end: string
  decoders: boolean
  palette: Record<"light" | "dark", string[]>
}
