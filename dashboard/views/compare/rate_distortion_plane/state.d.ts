// Made from dashboard.views.compare.rate_distortion_plane by `python -m tests.support.state_types`; change that, not this.

export interface Dot {
  id: string
  name: string
  stamp: string
  beta: number
  betas: string
  seed: number
  latent_dim: number
  active: number
  rate: number
  distortion: number
  standard_error: number | null
  printed: [number, number, number]
  num_images: number
  step: number
  chosen: boolean
}

export interface State {
  dots: Dot[]
  full: boolean
  alone: boolean
  palette: Record<"light" | "dark", string[]>
  labels: boolean
}
