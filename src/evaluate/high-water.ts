/** The high-water mark of an account, from which its drawdown is measured. */
export class HighWater {
  #peak = 0

  /** Records may begin in the middle of a run: what they say was lost since the peak tells where it was. */
  raise(equity: number, drawdown: number | null): void {
    const peak = drawdown !== null && drawdown > 0 && drawdown < 1 ? equity / (1 - drawdown) : equity
    if (peak > this.#peak) this.#peak = peak
  }

  /** Part lost since the peak, which `equity` may be itself. */
  drawdown(equity: number): number {
    if (equity > this.#peak) this.#peak = equity
    return (this.#peak - equity) / this.#peak
  }
}
