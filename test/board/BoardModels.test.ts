import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as BoardServer from "../../src/board/BoardServer.ts"
import * as Network from "../../src/network/Network.ts"
import type { WorkerModel } from "../../src/session/ConcurrencyModel.ts"
import * as Fibers from "../../src/session/Fibers.ts"
import * as Iterative from "../../src/session/Iterative.ts"
import * as NodeProcesses from "../../src/session/NodeProcesses.ts"
import * as NodeThreads from "../../src/session/NodeThreads.ts"
import * as Select from "../../src/session/Select.ts"
import { read, readAll } from "../support/Hosts.ts"
import { test } from "../support/Servers.ts"

/** The models; with several workers, different workers serve the two clients. */
const models: Readonly<Record<string, WorkerModel>> = {
  iterative: Iterative.model,
  fibers: Fibers.model,
  select: Select.model,
  processes: NodeProcesses.model(),
  "a pool of processes": NodeProcesses.model({ pool: 2 }),
  threads: NodeThreads.model({ threads: 2 })
}

const expectLines = Effect.fnUntraced(function* (connection: Network.Connection, lines: ReadonlyArray<string>) {
  const text = lines.map((line) => `${line}\n`).join("")
  assert.strictEqual((yield* read(connection, text.length)).toString(), text)
})

describe("BoardServer", () => {
  for (const [name, model] of Object.entries(models)) {
    test(
      `shares one board and one numbering of clients under the model: ${name}`,
      Effect.gen(function* () {
        const network = yield* Network.Network
        const server = yield* BoardServer.make({ port: 0, size: 2, model })
        const one = yield* network.connect(server.address)
        yield* one.write("hello\n0 0\nclaim row 1\nclaim 9 9\n")
        yield* expectLines(one, [
          "hello 1 size 2: you are client 1; help lists the commands",
          "claimed 0 0 by 1 change 1",
          "claimed row 1 by 1 change 2",
          'error outside: "9" is outside the board: x and y go from 0 to 1'
        ])
        yield* one.write("quit\n")
        assert.strictEqual((yield* readAll(one)).toString(), "bye: your squares stay yours\n")
        const two = yield* network.connect(server.address)
        yield* two.write("0 0\nwatch\n")
        yield* expectLines(two, [
          "occupied 0 0 by 1",
          "watching: the board now, then every change, in lines that begin with seen",
          "board 2 change 2: x goes to the right, y goes down, from 0",
          "row  0 1 .",
          "row  1 1 1"
        ])
        if (model !== Iterative.model) {
          const three = yield* network.connect(server.address)
          yield* three.write("claim 1 0\n")
          yield* expectLines(three, ["claimed 1 0 by 3 change 3"])
          yield* expectLines(two, ["seen claimed 1 0 by 3 change 3"])
        }
        yield* two.end
        yield* readAll(two)
      }),
      it.live
    )
  }
})
