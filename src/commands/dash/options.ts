/** The options of `jules dash`, under their headings. */
import { usage } from '../../base/errors.js'
import { quote } from '../../base/words.js'
import { file, flag, integer, list, option, real, under } from '../../cli/options.js'
import { store } from '../wiring/store.js'

const serverOptions = under('Server', {
  port: integer('N', 'port to listen on; 0 takes a free one', { fallback: 0, min: 0, max: 65_535 }),
  open: flag('open the page in a browser'),
  bind: option<string>(
    'ADDRESS',
    'address to listen on; any but this machine needs a token',
    { fallback: '127.0.0.1' },
    (value) => {
      // As it stands in an address of the web, too.
      const bare = /^\[([\da-f:.%\w]+)\]$/i.exec(value)?.[1] ?? value
      if (/^[\w.:%-]+$/.test(bare)) return bare
      throw usage('expected an address such as 0.0.0.0', { got: quote(value) })
    },
  ),
  'token-file': file('file with the token that the address must have, mode 0600'),
  'new-token': flag('make a token for this run; it stands in the address'),
  'allow-host': list('NAMES', 'further names of this server, such as dash.example:8080', {
    each: (word) => {
      if (/^[\w.:[\]-]+$/.test(word)) return word
      throw usage('expected a name, with a port or without', { got: quote(word) })
    },
  }),
})

/** All of them. */
export const options = {
  ...serverOptions,
  ...under('View', {
    tui: flag('show it in the terminal, without a server'),
    'stale-after': real('SECONDS', 'a run that goes on and writes nothing for so long is stale', {
      fallback: 300,
      min: 1,
      max: 1e6,
    }),
  }),
  ...under('Store', { store: flag('show what the store says of data, too'), ...store }, ['store', 'dsn']),
}
