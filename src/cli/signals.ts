/**
 * SIGINT, SIGTERM and SIGHUP: the first asks the command to stop and says so at once; the second, or 4.5 seconds without an end,
 * stops the process on the spot after the synchronous clean-ups.
 */
import { EXIT } from '../base/errors.js'

/** Those that a child is given too while signals are passed on; else they act as the system has it. */
const PASSED_ON = ['SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const

export type PassedSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | (typeof PASSED_ON)[number]

export interface SignalSource {
  on(event: PassedSignal, listener: () => void): unknown
  off(event: PassedSignal, listener: () => void): unknown
}

export interface Interruption {
  readonly signal: AbortSignal
  /** 130 or 143 once a signal came. */
  status(): number | undefined
  onForcedExit(cleanup: () => void): () => void
  passSignals(to: (signal: PassedSignal) => void): () => void
  interrupt(): void
  dispose(): void
}

const PATIENCE_MS = 4_500

/** Listens to SIGINT, SIGTERM and SIGHUP until disposed of. */
export function watchSignals(
  source: SignalSource,
  say: (words: string) => void,
  exit: (status: number) => void,
): Interruption {
  const controller = new AbortController()
  const cleanups = new Set<() => void>()
  let status: number | undefined
  let timer: NodeJS.Timeout | undefined
  const force = () => {
    for (const cleanup of cleanups) cleanup()
    exit(status ?? EXIT.interrupted)
  }
  let child: ((signal: PassedSignal) => void) | null = null
  const handle = (name: string, code: number, signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') => () => {
    if (child !== null) return child(signal)
    if (status !== undefined) return force()
    status = code
    say(`${name}, stopping`)
    controller.abort(new Stopped(code))
    timer = setTimeout(force, PATIENCE_MS)
    timer.unref()
  }
  const onInt = handle('interrupted', EXIT.interrupted, 'SIGINT')
  const onTerm = handle('terminated', EXIT.terminated, 'SIGTERM')
  source.on('SIGINT', onInt)
  source.on('SIGTERM', onTerm)
  const onHangup = handle('hung up', EXIT.terminated, 'SIGHUP')
  source.on('SIGHUP', onHangup)
  return {
    signal: controller.signal,
    status: () => status,
    onForcedExit: (cleanup) => {
      cleanups.add(cleanup)
      return () => cleanups.delete(cleanup)
    },
    passSignals: (to) => {
      child = to
      const listeners = PASSED_ON.map((name) => [name, () => to(name)] as const)
      for (const [name, listener] of listeners) source.on(name, listener)
      return () => {
        child = null
        for (const [name, listener] of listeners) source.off(name, listener)
      }
    },
    interrupt: onInt,
    dispose: () => {
      clearTimeout(timer)
      source.off('SIGINT', onInt)
      source.off('SIGTERM', onTerm)
      source.off('SIGHUP', onHangup)
    },
  }
}

/** The reason of the abort; not an error of anyone. */
class Stopped extends Error {
  override readonly name = 'Stopped'
  readonly code: number
  constructor(code: number) {
    super('stopped by a signal')
    this.code = code
  }
}
