// Made from dashboard.components.samples by `python -m tests.support.state_types`; change that, not this.

export interface State {
  run: string
  at: string
  live: boolean
  missing: string
  kinds: string[]
  num: number
}
