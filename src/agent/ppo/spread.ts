/**
 * Whether the advantages of a rollout say anything. In a minibatch they are brought to a deviation of 1 whatever they are, so that
 * where a policy has nothing left to gain the errors of the value alone move it as far as any lesson did, and it wanders off.
 */
export class AdvantageSpread {
  /** Rollouts so far, and the mean of the variances of their advantages. */
  count = 0
  variance = 0

  /** Takes in a rollout; gives the deviation of its advantages as a part of that of all so far, its own among them. */
  add(advantages: ArrayLike<number>): number {
    const { length } = advantages
    let mean = 0
    for (let i = 0; i < length; i++) mean += advantages[i]! / length
    let now = 0
    for (let i = 0; i < length; i++) {
      const apart = advantages[i]! - mean
      now += (apart * apart) / length
    }
    this.count++
    this.variance += (now - this.variance) / this.count
    return Math.sqrt(now / this.variance)
  }
}
