/** A server that speaks the first words of PostgreSQL's protocol, with TLS or without, and then refuses the password it was told. */
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type SecureContextOptions, TLSSocket } from 'node:tls'
import { onTestFinished } from 'vitest'

export const tlsFile = (name: string): string => `${process.cwd()}/test/fixtures/tls/${name}`

export interface FakePostgres {
  readonly port: number
  /** `plain` or `tls` for each start-up packet, then `password WORDS`. */
  readonly log: string[]
  /** Somebody has said something. */
  readonly spoken: Promise<void>
}

interface Behaviour {
  /** What a request for TLS gets: the handshake (of long ago, or with nothing in common), N, a closed connection, words in clear text. */
  readonly tls?: 'yes' | 'old' | 'strange' | 'no' | 'hangs up' | 'clear text'
  /** Start-up packets that are refused as by pg_hba.conf. */
  readonly refuses?: 'plain' | 'tls'
  /** Never answers. */
  readonly silent?: boolean
  /** The files of its certificate and key. */
  readonly identity?: { readonly cert: string; readonly key: string }
  /** What it says to a start-up packet, instead of asking for a password, to whoever still listens. */
  readonly says?: (socket: Socket) => void
}

/** One message: a letter, a length, a body. */
export function message(kind: string, body: Buffer | string = '', length?: number): Buffer {
  const head = Buffer.alloc(5)
  head.write(kind, 'latin1')
  head.writeUInt32BE(length ?? Buffer.byteLength(body) + 4, 1)
  return Buffer.concat([head, Buffer.from(body)])
}

/** AuthenticationOk and ReadyForQuery. */
export const WELCOME = Buffer.concat([message('R', '\0\0\0\0'), message('Z', 'I')])

const SSL_REQUEST = 80_877_103

const VERSIONS: Readonly<Record<string, object>> = {
  old: { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' },
  strange: { maxVersion: 'TLSv1.2', ciphers: 'NULL-SHA256:@SECLEVEL=0' },
}

export async function fakePostgres({
  tls = 'no',
  refuses,
  silent = false,
  identity: { cert, key } = { cert: 'server.crt', key: 'server.key' },
  says,
}: Behaviour = {}): Promise<FakePostgres> {
  const log: string[] = []
  const identity: SecureContextOptions = {
    key: readFileSync(tlsFile(key)),
    cert: readFileSync(tlsFile(cert)),
  }
  const sockets = new Set<Socket>()
  let speak = () => {}
  const spoken = new Promise<void>((done) => {
    speak = done
  })
  const serve = (socket: Socket, kind: 'plain' | 'tls') => {
    let bytes = Buffer.alloc(0)
    let started = false
    socket.on('error', () => {})
    socket.on('data', (data) => {
      speak()
      bytes = Buffer.concat([bytes, data])
      if (silent) return
      const at = started ? 1 : 0
      if (bytes.length < at + 4 || bytes.length < at + bytes.readInt32BE(at)) return
      // The client says good-bye with an X.
      if (started && bytes[0] !== 0x70) return
      const body = bytes.subarray(at + 4, at + bytes.readInt32BE(at))
      bytes = Buffer.alloc(0)
      if (started) {
        log.push(`password ${body.subarray(0, -1)}`)
        socket.end(failure('28P01'))
      } else if (body.readInt32BE(0) === SSL_REQUEST) {
        if (tls === 'hangs up') socket.destroy()
        else if (tls === 'no') socket.write('N')
        else if (tls === 'clear text') {
          socket.removeAllListeners('data')
          socket.write('S')
          socket.once('data', () => socket.write(WELCOME))
        } else {
          socket.removeAllListeners('data')
          socket.write('S')
          serve(
            new TLSSocket(socket, {
              isServer: true,
              ...identity,
              ...VERSIONS[tls],
              requestCert: true,
              rejectUnauthorized: false,
            }),
            'tls',
          )
        }
      } else {
        const name = socket instanceof TLSSocket ? socket.getPeerCertificate()?.subject?.CN : undefined
        log.push(name === undefined ? kind : `${kind} of ${name}`)
        started = true
        // AuthenticationCleartextPassword
        if (says !== undefined) says(socket)
        else if (refuses === kind) socket.end(failure('28000', 'no pg_hba.conf entry for host'))
        else socket.write(Buffer.from([82, 0, 0, 0, 8, 0, 0, 0, 3]))
      }
    })
  }
  const server = createServer((socket) => {
    sockets.add(socket)
    serve(socket, 'plain')
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, log, spoken }
}

/** ErrorResponse. */
export const failure = (state: string, words = 'no'): Buffer =>
  message('E', `SFATAL\0VFATAL\0C${state}\0M${words}\0\0`)
