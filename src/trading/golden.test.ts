/** The published trajectories pin the arithmetic of the transition to 1e-9. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { goldenMarket } from '../../test/support/golden-market.js'
import { FeatureTable, featureSet } from '../env/features.js'
import { DEFAULT_REWARD } from '../env/reward.js'
import { DEFAULT_COSTS } from '../portfolio/costs.js'
import { NO_LIMITS } from '../risk/limits.js'
import { DEFAULT_RULES, type Rules } from './rules.js'
import { TradingEnv } from './trading-env.js'

const CASES = ['causal_1_nocost', 'causal_2_cost', 'causal_4_drawdown_eval']

describe.each(CASES)('%s', (name) => {
  const golden = JSON.parse(readFileSync(`test/fixtures/env/${name}.json`, 'utf8'))
  const kwargs = golden.env_kwargs
  const market = goldenMarket(golden.market === 'market_b_falling.json')
  const rules: Rules = {
    ...DEFAULT_RULES,
    capital: kwargs.initial_capital ?? 100_000,
    shares: 1,
    fill: 'close',
    limits: NO_LIMITS,
    maxDrawdown: kwargs.is_training === false ? 0.02 : 0.07,
    costs: {
      ...DEFAULT_COSTS,
      commission: 'none',
      halfSpreadBps: 0,
      costBps: kwargs.tc_bp,
      tradePenaltyBps: kwargs.trade_penalty_bp,
    },
    reward: { ...DEFAULT_REWARD, scale: kwargs.reward_scaling, tradeCapPenalty: 0.005 },
  }

  test('every step equals the published one', () => {
    const env = new TradingEnv({ market, features: new FeatureTable(market, featureSet('classic')!), rules })
    env.reset(0)
    const observation = new Float32Array(26)
    env.observe(observation)
    expect([...observation]).toEqual(golden.obs0)
    const { columns } = golden
    let sum = 0
    for (let i = 0; i < golden.n_steps; i++) {
      const { reward, pnl, fees, slippage } = env.step(columns.action[i])
      const { account, equity, peak, trades, tradesToday } = env.state
      const close = (x: number, y: number) => expect(Math.abs(x - y), `step ${i}`).toBeLessThanOrEqual(1e-9)
      close(reward, columns.reward[i])
      close(pnl[0]!, columns.nvda_pnl[i])
      close(pnl[1]!, columns.msft_pnl[i])
      close(fees[0]! + fees[1]! + slippage[0]! + slippage[1]!, columns.total_cost[i])
      close(equity, columns.portfolio_value[i])
      close(peak, columns.peak_portfolio_value[i])
      close((peak - equity) / peak, columns.drawdown[i])
      expect([...account.position]).toEqual([columns.nvda_position[i], columns.msft_position[i]])
      expect([trades, tradesToday]).toEqual([columns.total_trades[i], columns.trade_count_today[i]])
      sum += reward
      const expected = golden.obs_every_25[String(i)]
      if (expected !== undefined && !env.terminated && !env.truncated) {
        env.observe(observation)
        expect([...observation]).toEqual(expected)
      }
      expect(env.terminated || env.truncated).toBe(i === golden.n_steps - 1)
    }
    expect(sum).toBeCloseTo(golden.sum_reward, 9)
  })
})
