// Made from dashboard.components.facts by `python -m tests.support.state_types`; change that, not this.

export interface State {
  facts: Record<string, number>
}
