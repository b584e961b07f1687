import * as Path from "node:path"
import { defineConfig } from "vitest/config"
import type { Reporter } from "vitest/node"

/** Names what was left out: a skipped test carries its reason in its name. */
const skipped: Reporter = {
  onTestRunEnd(modules) {
    const names = modules.flatMap((module) => Array.from(module.children.allTests("skipped"), (test) => test.fullName))
    if (names.length > 0) process.stdout.write(`\nSkipped:\n${names.map((name) => `  ${name}\n`).join("")}`)
  }
}

const results = process.env.TEST_RESULTS

export default defineConfig({
  resolve: {
    // The examples import the package by its name.
    alias: [
      { find: /^effect-inet$/, replacement: Path.resolve(import.meta.dirname, "src/index.ts") },
      { find: /^effect-inet\/(\w+)$/, replacement: Path.resolve(import.meta.dirname, "src/$1/index.ts") }
    ]
  },
  test: {
    include: ["test/**/*.test.ts", "scripts/examples/**/*.test.ts"],
    globalSetup: "test/support/buildCommand.ts",
    // For two cores: suites wait for the peers they start about a third of the time.
    maxWorkers: 3,
    // Each worker loads effect once, not once for each suite: a tenth of all the time.
    isolate: false,
    // Of the programs that tests start, some hundred.
    env: { NODE_COMPILE_CACHE: Path.resolve(import.meta.dirname, "node_modules/.cache/node") },
    // Four times what the slowest test takes on a busy machine: the last resort, after the timeouts of its steps.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: [
      "default",
      skipped,
      ...(results === undefined ? [] : [["json", { outputFile: results }] as ["json", { outputFile: string }]])
    ]
  }
})
