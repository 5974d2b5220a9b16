/**
 * Small environments that need memory, to show that the trainer learns: a policy without it cannot solve them. Partially
 * observed cart-pole after Barto, Sutton and Anderson, 1983; T-maze after Bakker, 2002; recall is a two-back task.
 */
import { cos, sin } from '../../base/math.js'
import type { Task } from './task.js'

const GRAVITY = 9.8
const TOTAL_MASS = 1.1
const POLE_MOMENT = 0.05
const STEP_SECONDS = 0.02
const FORCE = 10
const TRACK = 2.4
const TILT = (12 * 2 * Math.PI) / 360

/** Position x and angle theta of a cart with a pole, one explicit Euler step on. */
export function cartpoleStep([x, xd, theta, thd]: readonly [number, number, number, number], action: number) {
  const force = action === 1 ? FORCE : -FORCE
  const cosine = cos(theta)
  const sine = sin(theta)
  const tmp = (force + POLE_MOMENT * thd * thd * sine) / TOTAL_MASS
  const thacc = (GRAVITY * sine - cosine * tmp) / (0.5 * (4 / 3 - (0.1 * cosine * cosine) / TOTAL_MASS))
  const xacc = tmp - (POLE_MOMENT * thacc * cosine) / TOTAL_MASS
  return [
    x + STEP_SECONDS * xd,
    xd + STEP_SECONDS * xacc,
    theta + STEP_SECONDS * thd,
    thd + STEP_SECONDS * thacc,
  ] as const
}

/** Cart-pole without its velocities. */
export const cartpoleNovel: Task = {
  name: 'cartpole-novel',
  inputs: 4,
  actions: 2,
  mask: new Uint8Array(2).fill(1),
  start: (rng) => {
    let state: readonly [number, number, number, number] = [0, 0, 0, 0]
    let steps = 0
    const show = (out: Float32Array, offset: number) => {
      out[offset] = state[0]
      out[offset + 1] = 0
      out[offset + 2] = state[2]
      out[offset + 3] = 0
    }
    return {
      held: -1,
      save: () => [...state, steps],
      restore: ([x = 0, xd = 0, theta = 0, thd = 0, n = 0]) => {
        state = [x, xd, theta, thd]
        steps = n
      },
      reset: (out, offset) => {
        const draw = () => -0.05 + 0.1 * rng.uniform()
        state = [draw(), draw(), draw(), draw()]
        steps = 0
        show(out, offset)
      },
      step: (action, out, offset) => {
        state = cartpoleStep(state, action)
        steps++
        show(out, offset)
        const terminated = Math.abs(state[0]) > TRACK || Math.abs(state[2]) > TILT
        return { reward: 1, terminated, truncated: !terminated && steps >= 500 }
      },
    }
  },
}

const CORRIDOR = 10
const MAZE_LIMIT = 33

/** A cue at the entrance says which way to turn at the end of a corridor. */
export const tmaze10: Task = {
  name: 'tmaze10',
  inputs: 3,
  actions: 3,
  mask: new Uint8Array(3).fill(1),
  start: (rng) => {
    let cue = 1
    let place = 0
    let steps = 0
    const show = (out: Float32Array, offset: number) => {
      out[offset] = steps === 0 ? cue : 0
      out[offset + 1] = place === CORRIDOR ? 1 : 0
      out[offset + 2] = 1
    }
    return {
      held: -1,
      save: () => [cue, place, steps],
      restore: ([c = 1, p = 0, n = 0]) => {
        cue = c
        place = p
        steps = n
      },
      reset: (out, offset) => {
        cue = rng.uniform() < 0.5 ? -1 : 1
        place = 0
        steps = 0
        show(out, offset)
      },
      step: (action, out, offset) => {
        steps++
        const turned = place === CORRIDOR && action !== 0
        const reward = turned ? ((action === 1) === cue > 0 ? 1 : -1) : -0.01
        if (place < CORRIDOR && action === 0) place++
        show(out, offset)
        return { reward, terminated: turned, truncated: !turned && steps >= MAZE_LIMIT }
      },
    }
  },
}

const SYMBOLS = 9
const BACK = 2

/** Name the symbol of two steps ago, among noise. */
export const recall2: Task = {
  name: 'recall2',
  inputs: 26,
  actions: SYMBOLS,
  mask: new Uint8Array(SYMBOLS).fill(1),
  start: (rng) => {
    let shown: number[] = []
    const show = (out: Float32Array, offset: number) => {
      const symbol = rng.int(SYMBOLS)
      shown.push(symbol)
      for (let k = 0; k < SYMBOLS; k++) out[offset + k] = k === symbol ? 1 : 0
      for (let k = SYMBOLS; k < 26; k++) out[offset + k] = rng.normal()
    }
    return {
      held: -1,
      save: () => shown,
      restore: (numbers) => {
        shown = [...numbers]
      },
      reset: (out, offset) => {
        shown = []
        show(out, offset)
      },
      step: (action, out, offset) => {
        const t = shown.length - 1
        const reward = t >= BACK && action === shown[t - BACK] ? 1 : 0
        const terminated = shown.length === 64
        show(out, offset)
        return { reward, terminated, truncated: false }
      },
    }
  },
}

/** All of them, as `--env` names them. */
export const TASKS: readonly Task[] = [cartpoleNovel, tmaze10, recall2]
