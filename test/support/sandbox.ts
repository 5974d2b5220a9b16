/** Whether a test may have a file system of its own, to fill it. */
import { spawnSync } from 'node:child_process'

export const namespaces = spawnSync('unshare', ['-Urm', 'true']).status === 0
