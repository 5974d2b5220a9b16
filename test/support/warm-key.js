/**
 * Loaded before jules by tests that are not about the master key, through Node's own --import: the real Argon2id, once for
 * each password and salt, remembered in the folder TEST_KEYS. The product knows nothing of it.
 */
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import argon2 from 'argon2'

const { hash } = argon2

argon2.hash = async (password, options) => {
  const { salt, ...costs } = options
  const all = JSON.stringify([password.toString('hex'), salt.toString('hex'), costs])
  const path = join(process.env.TEST_KEYS, createHash('sha256').update(all).digest('hex'))
  try {
    return readFileSync(path)
  } catch {}
  const key = await hash(password, options)
  // Appears whole: many commands may look for it at once.
  const part = `${path}.${randomBytes(8).toString('hex')}`
  writeFileSync(part, key)
  renameSync(part, path)
  return key
}
