/** Whether the person asked the system for little motion: then nothing glides or scrolls by itself, it is at once where it belongs. */
export function isStill() {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches
}
