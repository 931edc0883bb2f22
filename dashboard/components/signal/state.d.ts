// Made from dashboard.components.signal by `python -m tests.support.state_types`; change that, not this.

export interface State {
  drawn: Record<string, Record<string, any>>
  pause: number
}
