/** Lists all TCP sockets as a table: prints the milliseconds of its first list, and of one for each line of input. */
import * as Readline from "node:readline"
import * as Effect from "effect/Effect"
import * as NodeV8Flags from "../../../src/cli/run/common/NodeV8Flags.ts"
import * as Text from "../../../src/cli/run/sockets/text.ts"
import * as NodeSocketSource from "../../../src/inspect/NodeSocketSource.ts"
import * as SocketTable from "../../../src/inspect/SocketTable.ts"
import * as ServiceNames from "../../../src/network/names/ServiceNames.ts"
import { builtIn } from "../../../src/network/names/WellKnownServices.ts"
import * as Table from "../../../src/terminal/Table.ts"

const columns = 160

/** Names of services, which the command reads at its start. */
const services = ServiceNames.table(ServiceNames.withPackageServices(builtIn))

const list = SocketTable.list({ protocols: ["tcp"], services }).pipe(Effect.provide(NodeSocketSource.layer))

const measure = async () => {
  const from = performance.now()
  const { sockets } = await Effect.runPromise(list)
  const listed = performance.now()
  const text = Table.fitText(Text.columns, sockets, columns)
  const printed = performance.now()
  const found = { listMillis: listed - from, millis: printed - from, sockets: sockets.length, chars: text.length }
  process.stdout.write(`${JSON.stringify(found)}\n`)
}

// As the command does.
NodeV8Flags.growYoungGeneration()
await measure()
for await (const _ of Readline.createInterface(process.stdin)) await measure()
