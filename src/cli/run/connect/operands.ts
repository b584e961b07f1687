/** The operands of `connect` and `listen`: address, port, and the arguments of the command of `--exec`. Pure. */
import * as Result from "effect/Result"

/** The flags that change the meaning of the operands. */
interface Selection {
  readonly unix: string | undefined
  readonly exec: string | undefined
}

/** An address, a port or service name, and arguments. With `--unix` there is neither address nor port. */
export interface Operands {
  readonly host: string | undefined
  readonly service: string | undefined
  readonly commandArguments: ReadonlyArray<string>
}

const withArguments = (operands: Operands, { exec }: Selection, usage: string): Result.Result<Operands, string> =>
  exec === undefined && operands.commandArguments.length > 0
    ? Result.fail(`unexpected argument ${JSON.stringify(operands.commandArguments[0])}: ${usage}`)
    : Result.succeed(operands)

/** Interprets the operands of `connect`: HOST and PORT, then arguments. Fails with one line. */
export const ofConnect = (operands: ReadonlyArray<string>, selection: Selection): Result.Result<Operands, string> => {
  if (selection.unix !== undefined) {
    const only = { host: undefined, service: undefined, commandArguments: operands }
    return withArguments(only, selection, "--unix replaces HOST and PORT")
  }
  const [host, service, ...commandArguments] = operands
  return host === undefined || service === undefined
    ? Result.fail(`missing ${host === undefined ? "HOST and PORT" : "PORT"}: give both, or a socket with --unix PATH`)
    : withArguments({ host, service, commandArguments }, selection, "give HOST and PORT only, or a command with --exec")
}

const isNumber = (text: string | undefined) => /^\d+$/.test(text ?? "")

/**
 * Interprets the operands of `listen`: HOST, which may be left out, and PORT, then arguments. Fails with one line.
 *
 * With `--exec`, a first operand that is a number is the port: an address is never a plain number.
 */
export const ofListen = (operands: ReadonlyArray<string>, selection: Selection): Result.Result<Operands, string> => {
  if (selection.unix !== undefined) {
    const only = { host: undefined, service: undefined, commandArguments: operands }
    return withArguments(only, selection, "--unix replaces HOST and PORT")
  }
  const [first, second, ...rest] = operands
  if (first === undefined)
    return Result.fail("missing PORT: give a port (0: any free port), or a socket with --unix PATH")
  if (second === undefined || (selection.exec !== undefined && isNumber(first))) {
    return Result.succeed({ host: undefined, service: first, commandArguments: operands.slice(1) })
  }
  const usage = "give HOST and PORT only, or a command with --exec"
  return withArguments({ host: first, service: second, commandArguments: rest }, selection, usage)
}
