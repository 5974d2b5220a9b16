#!/usr/bin/env node
// Buys both symbols and holds them, as a program: jules backtest --policy 'exec:node exec-policy.mjs'
// Each line of standard input is a decision (time, bars, inputs, mask, held, start), and is answered with one line.
import { createInterface } from 'node:readline'

createInterface({ input: process.stdin }).on('line', (line) => {
  const { mask, held } = JSON.parse(line)
  // 3 (first + 1) + (second + 1), where a target is -1 short, 0 flat, 1 long.
  console.log(JSON.stringify({ action: mask[8] === 1 ? 8 : held }))
})
