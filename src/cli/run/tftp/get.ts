/** The commands `tftp get` and `rcat`. */
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as NameText from "../../../tftp/protocol/NameText.ts"
import type * as Url from "../../../tftp/protocol/Url.ts"
import * as FileStoreError from "../../../tftp/store/FileStoreError.ts"
import type * as Store from "../../../tftp/store/Store.ts"
import * as TftpClient from "../../../tftp/TftpClient.ts"
import { UsageError } from "../../common/CliErrors.ts"
import { withoutSettings } from "../../common/settings/CommandInput.ts"
import * as network from "../common/network.ts"
import * as NodeLocalFile from "./NodeLocalFile.ts"
import * as NodeRawArgument from "./NodeRawArgument.ts"
import * as Transfer from "./transfer.ts"

/** Reads a file to standard output, no faster than its reader. */
const toStdout = (url: Url.Url, options: TftpClient.Options) =>
  Effect.gen(function* () {
    const stdio = yield* Stdio.Stdio
    const writable: Store.Writable = {
      write: (bytes) =>
        Effect.mapError(
          Stream.run(Stream.succeed(bytes.slice()), stdio.stdout()),
          (cause) => new FileStoreError.FileStoreError({ reason: new FileStoreError.WriteFailed({ cause }) })
        ),
      commit: Effect.void
    }
    return yield* TftpClient.download(url, writable, options)
  })

interface Input extends Transfer.Input {
  readonly url: string
  readonly output: string | undefined
}

export const get = Effect.fnUntraced(
  function* (given: Input) {
    const input = yield* withoutSettings(given, given.output === "-" ? ["json"] : [])
    const url = yield* Transfer.parse(NodeRawArgument.restore(input.url))
    const name = Transfer.lastOf(url.path)
    const output = input.output === undefined ? name : NodeRawArgument.restore(input.output)
    if (output === undefined)
      return yield* new UsageError({ message: `no file name in ${input.url}; name the output with -o` })
    if (output === "-") {
      if (input.json)
        return yield* new UsageError({ message: "--json and -o - cannot be combined: both write to standard output" })
      const description = { url, file: output, name: name ?? "tftp", toStdout: true }
      return yield* Transfer.run(input, description, (options) => toStdout(url, options))
    }
    const writable = yield* NodeLocalFile.writable(output, name ?? "")
    const description = { url, file: output, name: NodeLocalFile.nameOf(output), toStdout: false }
    yield* Transfer.run(input, description, (options) => TftpClient.download(url, writable, options))
  },
  Effect.scoped,
  Effect.provide(network.layer)
)

/** Adds the brackets that an IPv6 address has in a URL. */
const bracketed = (host: string) => (/^[^[\]]*:[^[\]]*:[^[\]]*$/.test(host) ? `[${host}]` : host)

export const rcat = Effect.fnUntraced(
  function* (input: Transfer.Input & { readonly host: string; readonly file: string }) {
    const path = NameText.toUrlPath(NodeRawArgument.restore(input.file))
    const url = yield* Transfer.parse(`tftp://${bracketed(input.host)}/${path}`)
    const description = { url, file: "-", name: undefined, toStdout: true }
    yield* Transfer.run(input, description, (options) => toStdout(url, options))
  },
  Effect.scoped,
  Effect.provide(network.layer)
)
