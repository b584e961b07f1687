/** Program of a thread that connects for a scan of many ports. */
import * as Util from "node:util"
import { parentPort } from "node:worker_threads"
import type { FromThread, ToThread } from "./NodeConnectMessage.ts"
import * as NodeTcpConnects from "./NodeTcpConnects.ts"
import type { Outcome } from "./PortTest.ts"

const port = parentPort!
const send = (message: FromThread) => port.postMessage(message)

let ids: Array<number> = []
let outcomes: Array<Outcome> = []
let rttMillis: Array<number> = []
let isScheduled = false

const flush = () => {
  isScheduled = false
  if (ids.length > 0) send({ _tag: "Answers", ids, outcomes, rttMillis })
  ids = []
  outcomes = []
  rttMillis = []
}

/** Sends the answers of one turn of the event loop together. */
const connects = NodeTcpConnects.make(Util.getSystemErrorName, (id, outcome, millis) => {
  ids.push(id)
  outcomes.push(outcome)
  rttMillis.push(millis)
  if (!isScheduled) setImmediate(flush)
  isScheduled = true
})

port.on("message", (message: ToThread) => {
  switch (message._tag) {
    case "Start":
      connects.start(
        message.ids.map((id, index) => ({
          id,
          address: message.addresses[message.addressIndices[index]!]!,
          port: message.ports[index]!
        }))
      )
      return
    case "Cancel":
      for (const id of message.ids) connects.cancel(id)
      return
    case "Settle":
      // The first turn polls the sockets; the second one comes after their callbacks.
      setImmediate(() =>
        setImmediate(() => {
          flush()
          send({ _tag: "Settled", number: message.number })
        })
      )
      return
  }
})
