import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/setup.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Two workers: the fault tests start processes of their own.
    maxWorkers: 2,
  },
})
