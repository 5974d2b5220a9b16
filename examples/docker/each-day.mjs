// Runs a command at a time of New York on each weekday, one after the other: cron for an image that has none, and no time zones.
//
//   node each-day.mjs 17:30 sh examples/06-evening.sh
//
// What it says goes where this goes. A command that fails is told, and runs again the next day; SIGTERM is handed to it.
import { spawn } from 'node:child_process'

const [at = '', command, ...args] = process.argv.slice(2)
if (!/^([01]\d|2[0-3]):[0-5]\d$/.test(at) || command === undefined) {
  console.error('usage: node each-day.mjs HH:MM COMMAND [ARGUMENT]...')
  process.exit(64)
}

const clock = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'America/New_York',
  weekday: 'short',
  hour: '2-digit',
  minute: '2-digit',
  hour12: false,
})

let child = null
let last = ''
process.on('SIGTERM', () => (child === null ? process.exit(143) : child.kill('SIGTERM')))

setInterval(() => {
  const parts = Object.fromEntries(clock.formatToParts(Date.now()).map(({ type, value }) => [type, value]))
  const now = `${parts.hour}:${parts.minute}`
  const isDue = now === at && !['Sat', 'Sun'].includes(parts.weekday) && child === null
  // Once in the minute.
  if (isDue && last !== now) start()
  last = now
}, 1000)

function start() {
  child = spawn(command, args, { stdio: 'inherit' })
  const ended = (words) => {
    child = null
    console.error(`${new Date().toISOString()} ${command}: ${words}`)
  }
  child.on('error', (error) => ended(error.message))
  child.on('exit', (code, signal) => {
    ended(signal === null ? `ended with ${code}` : `ended by ${signal}`)
    if (signal === 'SIGTERM' || code === 143) process.exit(143)
  })
}
