/**
 * Every reader of bytes from elsewhere, with samples that it reads: `read` gives what it made of the bytes, or throws a Failure.
 * From the build, for the fuzz runs in a process of its own.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { decodeModel, encodeModel } from '../../../dist/agent/model/model.js'
import { decodeSafetensors, encodeSafetensors } from '../../../dist/agent/model/safetensors.js'
import { layoutOf } from '../../../dist/agent/network/network.js'
import { RunningMoments } from '../../../dist/agent/network/normaliser.js'
import { decodeCheckpoint, encodeCheckpoint } from '../../../dist/agent/run/checkpoint.js'
import { runsOf } from '../../../dist/agent/run/registry.js'
import { fileVersion, scalars } from '../../../dist/agent/run/tensorboard.js'
import { INTERVALS, SYMBOL } from '../../../dist/market/bar.js'
import { isPossible } from '../../../dist/market/fields.js'
import { readRecords } from '../../../dist/market/records.js'
import { Gathering } from '../../../dist/report/gathered.js'
import { gatherEquity } from '../../../dist/report/parquet-equity.js'
import { openRecordFile } from '../../../dist/report/parquet-file.js'
import { parquetFailure } from '../../../dist/stream/parquet/damage.js'
import { openSource } from '../../../dist/stream/source.js'
import { parseDotenv, parseJsonSecrets } from '../../../dist/vault/dotenv.js'
import { parseVault, printVault } from '../../../dist/vault/format.js'
import { changeDocument, changePacked, changeParquet, changeSafetensors } from './mutate.js'

const SHARED = new URL('../../fixtures/', import.meta.url)

/** `folder` is for the files that are read. */
export function readers(folder) {
  const path = join(folder, 'input')
  const bars =
    (format, options = {}) =>
    async (bytes) => {
      writeFileSync(path, bytes)
      const signal = new AbortController().signal
      const source = await openSource(path, { signal, temporaryDirectory: folder, format })
      try {
        return await drained(source, options)
      } finally {
        await source.close()
      }
    }
  const records = async (bytes) => {
    writeFileSync(path, bytes)
    const signal = new AbortController().signal
    const source = await openSource(path, { signal, temporaryDirectory: folder, format: 'parquet' })
    try {
      const gathering = new Gathering('input')
      await gatherEquity(await openRecordFile(source), gathering, async () => {})
      return gathering.records
    } catch (error) {
      throw parquetFailure(error, 'input')
    } finally {
      await source.close()
    }
  }
  const lenient = { onReject: () => {} }
  return [
    { name: 'ndjson', samples: NDJSON, read: bars('ndjson') },
    { name: 'ndjson, bad lines passed over', samples: NDJSON, read: bars('ndjson', lenient) },
    { name: 'csv', samples: CSV, read: bars('csv', lenient) },
    { name: 'parquet', samples: PARQUET, read: bars('parquet'), structure: changeParquet },
    {
      name: 'parquet, bad rows passed over',
      samples: PARQUET,
      read: bars('parquet', lenient),
      structure: changeParquet,
    },
    { name: 'gzip', samples: GZIP, read: bars(undefined, lenient), structure: changePacked },
    { name: 'records of runs in parquet', samples: RECORDS, read: records, structure: changeParquet },
    {
      name: 'whatever it is',
      samples: [...NDJSON, ...CSV, ...PARQUET, ...GZIP, ...OTHERS],
      read: bars(undefined),
    },
    ...Object.entries(DOCUMENTS).map(([vendor, document]) => ({
      name: `document of ${vendor}`,
      samples: [Buffer.from(JSON.stringify(document))],
      read: bars('ndjson', { ...lenient, vendor }),
      structure: changeDocument,
    })),
    {
      name: 'vault',
      samples: [VAULT],
      read: (bytes) => parseVault(Buffer.from(bytes)).entries.size,
      structure: changeDocument,
    },
    { name: '.env', samples: ENVS, read: (bytes) => parseDotenv(Buffer.from(bytes)).size },
    {
      name: 'secrets as JSON',
      samples: [Buffer.from('{"A":"b","C":"d"}')],
      read: (bytes) => parseJsonSecrets(Buffer.from(bytes).toString()).size,
    },
    {
      name: 'safetensors',
      samples: [MODEL, CHECKPOINT, TENSORS],
      read: (bytes) => decodeSafetensors(bytes, 'm').tensors.size,
      structure: changeSafetensors,
    },
    {
      name: 'model',
      samples: [MODEL],
      read: (bytes) => decodeModel(bytes, 'm').steps,
      structure: changeSafetensors,
    },
    {
      name: 'checkpoint',
      samples: [CHECKPOINT],
      read: (bytes) => decodeCheckpoint(bytes, 'm').state.size,
      structure: changeSafetensors,
    },
    {
      name: 'registry of runs',
      samples: [REGISTRY],
      read: async (bytes) => {
        writeFileSync(path, bytes)
        return (await runsOf(path)).length
      },
    },
  ]
}

/** How many rows; throws where one is no bar. */
async function drained(source, options) {
  let rows = 0
  for await (const block of readRecords(source, options)) {
    if (block.kind === 'other') {
      rows += block.records.length
      continue
    }
    const { batch } = block
    for (let i = 0; i < batch.length; i++) {
      const named = SYMBOL.test(batch.names.text(batch.symbol[i]) ?? '')
      if (!named || INTERVALS[batch.interval[i]] === undefined || !isPossible(batch, i)) {
        throw new Error(`row ${i + rows} was handed on and is no bar`)
      }
    }
    rows += batch.length
  }
  return rows
}

const START = Date.UTC(2025, 6, 30, 13, 30)
const stamps = Array.from({ length: 30 }, (_, i) =>
  new Date(START + 60_000 * i).toISOString().replace('.000', ''),
)
const bar = (time, i) => {
  const [open, high, low, close] = [100 + i, 101.5 + i, 99.25 + i, 100.75 + i]
  return `{"type":"bar","symbol":"NVDA","interval":"1m","time":"${time}","open":${open},"high":${high},"low":${low},"close":${close},"volume":${10 * i},"vwap":null,"trades":null,"adjusted":null,"session":"rth","source":"mock"}`
}
const NDJSON = [
  stamps.map((time, i) => `${bar(time, i)}\n`).join(''),
  stamps
    .map(
      (t, i) =>
        `{"t":"${t}","ticker":"MSFT","o":${i + 1},"h":${i + 2},"l":${i + 1},"c":${i + 2},"v":"3","x":{"y":[1]}}\r\n`,
    )
    .join(''),
  `{"type":"order","id":1,"list":[1,{"a":"b\\u0041"}]}\n${bar(stamps[0], 1)}\n\n${bar(stamps[1], 2)}\n{"type":"fill","id":1}`,
].map((text) => Buffer.from(text))

const CSV = [
  `time,symbol,open,high,low,close,volume\n${stamps.map((t, i) => `${t},NVDA,${i + 1},${i + 2},${i + 1},${i + 2},5`).join('\n')}\n`,
  `# made by hand\nsep=;\n"Date";"Time";"Open";"High";"Low";"Close";"Volume";"Symbol"\n30.07.2025;"13:30:00";"1,5";2,5;1,5;2,5;"1.000";"NV""DA"\n31.07.2025;13:31:00;1,5;2,5;1,5;2,5;7;NVDA\n`,
  `Price,Close,High,Low,Open,Volume\nTicker,NVDA,NVDA,NVDA,NVDA,NVDA\nDatetime,,,,,\n${stamps.map((t) => `${t},2,3,1,2,5`).join('\n')}\n`,
  `\ufefftime\topen\thigh\tlow\tclose\tvolume\tsymbol\r\n1753882200\t1\t2\t1\t2\t"1,000"\tNVDA\r\n1753882260\t1\t2\t1\t2\t\tNVDA\r\n`,
].map((text) => Buffer.from(text))

const folder = new URL('parquet/', SHARED)
const PARQUET = readdirSync(folder).map((name) => readFileSync(new URL(name, folder)))
const tables = new URL('records/', SHARED)
const RECORDS = readdirSync(tables).map((name) => readFileSync(new URL(name, tables)))
const GZIP = [
  gzipSync(NDJSON[0]),
  gzipSync(CSV[0]),
  Buffer.concat([gzipSync(CSV[0]), gzipSync('2025-07-30T14:30:00Z,NVDA,1,2,1,2,5\n')]),
  gzipSync(PARQUET[0]),
]
const OTHERS = [
  // TFRecord, as training writes it: no reader of bars takes it.
  Buffer.concat([fileVersion(1), scalars(1, 2, { 'eval/mean_reward': 3 })]),
  Buffer.from('PK\x03\x04\x14\0\0\0'),
  Buffer.from('BZh91AY&SY'),
  Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0]),
  Buffer.from('\ufefftime,open\n', 'utf16le'),
]

const DOCUMENTS = {
  polygon: {
    ticker: 'NVDA',
    results: stamps
      .slice(0, 5)
      .map((t) => ({ t: Date.parse(t), o: 1, h: 2, l: 1, c: 2, v: 5, vw: 1.5, n: 3 })),
  },
  alpaca: {
    bars: { NVDA: stamps.slice(0, 5).map((t) => ({ t, o: 1, h: 2, l: 1, c: 2, v: 5 })) },
    next_page_token: null,
  },
  alphavantage: {
    'Meta Data': { '2. Symbol': 'NVDA', '6. Time Zone': 'US/Eastern' },
    'Time Series (1min)': Object.fromEntries(
      ['09:30:00', '09:31:00'].map((clock) => [
        `2025-07-30 ${clock}`,
        { '1. open': '1', '2. high': '2', '3. low': '1', '4. close': '2', '5. volume': '5' },
      ]),
    ),
  },
  yahoo: {
    chart: {
      result: [
        {
          meta: { symbol: 'NVDA' },
          timestamp: [1753882200, 1753882260],
          indicators: {
            quote: [
              { open: [1, null], high: [2, null], low: [1, null], close: [2, null], volume: [5, null] },
            ],
          },
        },
      ],
    },
  },
}

const VAULT = Buffer.from(
  printVault({
    id: Buffer.alloc(16, 1),
    generation: 3,
    kdf: { name: 'argon2id', v: 19, m: 65536, t: 3, p: 1, salt: Buffer.alloc(16, 2) },
    entries: new Map(
      ['ALPACA_KEY', 'TOKEN'].map((name) => [
        name,
        {
          salt: Buffer.alloc(32, 3),
          nonce: Buffer.alloc(12, 4),
          data: Buffer.alloc(40, 5),
          created: '2025-07-30T13:30:00.000Z',
          updated: '2025-07-30T13:30:00.000Z',
        },
      ]),
    ),
    mac: Buffer.alloc(32, 6),
  }),
)
const ENVS = [
  Buffer.from('# a\nexport A="b\\n\\"c" # d\nB=\'e $f\'\nC=g #h\n\nD=\n'),
  Buffer.from('A=1\r\nB="2"\r\n'),
]

const shape = { inputs: 3, hidden: 4, actions: 2, lstm: 'separate', layers: 1, net: [4], activation: 'relu' }
const normaliser = new RunningMoments(3)
const MODEL = encodeModel({
  spec: { task: 'tiny', features: null, interval: null, actions: [[-1], [1]], mask: [1, 1], holdPrior: 4 },
  shape,
  parameters: new Float32Array(layoutOf(shape).size),
  normaliser,
  settings: { seed: 1 },
  steps: 100,
  data: null,
})
const CHECKPOINT = encodeCheckpoint({
  run: 'ab',
  state: new Map([
    ['weights', new Float32Array(50)],
    ['steps', new Float64Array(2)],
    ['mask', new Uint8Array(3)],
  ]),
})
const TENSORS = encodeSafetensors([{ name: 'a', shape: [2, 3], data: new Float32Array(6) }], {})
const REGISTRY = Buffer.from(
  ['a', 'b', 'a']
    .map((run, i) =>
      JSON.stringify({
        type: 'run',
        run,
        time: stamps[i],
        path: `/x/${run}`,
        task: 'trading',
        symbols: ['NVDA'],
        interval: '1m',
        from: '2025-07-30',
        to: '2025-07-31',
        trial: run,
      }),
    )
    .concat('{"type":"end","run":"a"}\n')
    .join('\n'),
)
