// Made from dashboard.views.learn.lesson_marks by `python -m tests.support.state_types`; change that, not this.

export interface Marked {
  name: string
  steps: number
  card: string
}

export interface State {
  lessons: Marked[]
  done: string
  part: string
}
