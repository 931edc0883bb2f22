// Made from dashboard.views.collapse.diagnosis by `python -m tests.support.state_types`; change that, not this.

export interface Palette {
  heat: Record<"light" | "dark", string[]>
  curves: Record<"light" | "dark", Record<string, string>>
}

export interface Probe {
  num: number
  cap: number
  near: number
}

export interface State {
  run: string
  at: string
  stamp: string
  live: boolean
  threshold: number
  bounds: [number, number]
  probe: Probe
  quantity: "rate" | "sigma" | "variance"
  parts: ("verdict" | "rates" | "course" | "variance" | "information" | "usage" | "curves" | "table")[]
  beside: string
  palette: Palette
}
