import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/setup.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // The files of a worker share their modules, which is a tenth of the time; so vi.mock is no way to replace one.
    isolate: false,
    // Two workers: the fault tests start processes of their own.
    maxWorkers: 2,
  },
})
