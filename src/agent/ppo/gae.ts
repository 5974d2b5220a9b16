/**
 * Generalised advantage estimation (Schulman et al., "High-Dimensional Continuous Control Using Generalized Advantage
 * Estimation", 2016, arXiv:1506.02438, eq. 11 to 16), as in Stable-Baselines3: an episode that was truncated has its last reward raised by
 * gamma V(s') before this is called, so that only true ends cut the sum.
 */

/** A rollout: rewards and values by step, and what comes after its last step. */
export interface GaeInput {
  readonly steps: number
  readonly envs: number
  /** Each [steps, envs], by step. */
  readonly rewards: ArrayLike<number>
  readonly values: ArrayLike<number>
  /** 1 where the step is the first of an episode. */
  readonly episodeStarts: ArrayLike<number>
  /** Value of the observation after the last step, and whether its episode had ended; each [envs]. */
  readonly lastValues: ArrayLike<number>
  readonly lastDones: ArrayLike<number>
  readonly gamma: number
  readonly lambda: number
}

/**
 * Fills `advantages` and `returns`, both [steps, envs]. With g_t = 0 where the episode ends at t, else 1:
 *
 *     delta_t = r_t + gamma g_t V(s_t+1) - V(s_t)
 *     A_t = delta_t + gamma lambda g_t A_t+1
 *     R_t = A_t + V(s_t)
 */
export function generalisedAdvantages(
  { steps, envs, rewards, values, episodeStarts, lastValues, lastDones, gamma, lambda }: GaeInput,
  advantages: Float64Array | Float32Array,
  returns: Float64Array | Float32Array,
): void {
  for (let e = 0; e < envs; e++) {
    let sum = 0
    for (let t = steps - 1; t >= 0; t--) {
      const i = t * envs + e
      const last = t === steps - 1
      const goesOn = 1 - (last ? lastDones[e]! : episodeStarts[i + envs]!)
      const next = last ? lastValues[e]! : values[i + envs]!
      const delta = rewards[i]! + gamma * next * goesOn - values[i]!
      sum = delta + gamma * lambda * goesOn * sum
      advantages[i] = sum
      returns[i] = sum + values[i]!
    }
  }
}
