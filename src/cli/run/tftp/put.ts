/** The command `tftp put`. */
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as FileStoreError from "../../../tftp/store/FileStoreError.ts"
import type * as Store from "../../../tftp/store/Store.ts"
import * as TftpClient from "../../../tftp/TftpClient.ts"
import { UsageError } from "../../common/CliErrors.ts"
import * as network from "../common/network.ts"
import * as NodeLocalFile from "./NodeLocalFile.ts"
import * as NodeRawArgument from "./NodeRawArgument.ts"
import * as Transfer from "./transfer.ts"

interface Input extends Transfer.Input {
  readonly file: string
  readonly url: string
}

const stdin = Effect.map(Stdio.Stdio, (stdio): Pick<Store.Readable, "body" | "size"> => {
  const stream = Stream.mapError(
    stdio.stdin,
    (cause) => new FileStoreError.FileStoreError({ reason: new FileStoreError.ReadFailed({ cause }), filename: "-" })
  )
  return { size: undefined, body: { _tag: "Stream", stream } }
})

export const put = Effect.fnUntraced(
  function* (input: Input) {
    const file = NodeRawArgument.restore(input.file)
    const fromStdin = file === "-"
    const name = NodeLocalFile.nameOf(file)
    const givenUrl = NodeRawArgument.restore(input.url)
    const urlWithName = Transfer.withName(givenUrl, name)
    if (fromStdin && urlWithName !== givenUrl) {
      return yield* new UsageError({ message: "no file name: standard input has none; end the URL with one" })
    }
    const url = yield* Transfer.parse(urlWithName)
    const readable = yield* fromStdin ? stdin : NodeLocalFile.readable(file)
    const description = { url, file, name: fromStdin ? Transfer.lastOf(url.path) : name, toStdout: false }
    yield* Transfer.run(input, description, (options) => TftpClient.put(url, readable, options))
  },
  Effect.scoped,
  Effect.provide(network.layer)
)
