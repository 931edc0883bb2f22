// Made from dashboard.components.chart by `python -m tests.support.state_types`; change that, not this.

export interface Series {
  name: string
  x: number[]
  y: number[]
  error: (number | null)[]
  colour: string
  dashed: boolean
}

export interface State {
  series: Series[]
  x: string
  y: string
  log: boolean
  height: number
  decimals: number
  name: string
  palette: Record<"light" | "dark", Record<string, string>>
}
