/** Messages for an invalid command line, with the flag that was meant where it can be guessed. Pure. */
import type * as CliError from "effect/cli/CliError"
import type * as HelpDoc from "effect/cli/HelpDoc"

/** Tests if an argument that no command takes is a port: clients of other programs take it after the host. */
const isPort = (argument: string) => /^\d{1,5}$/.test(argument) && Number(argument) <= 65_535

/** Returns the message of an error. `flags` are those of the command. */
export const messageOf = (
  error: CliError.NonShowHelpErrors,
  flags: ReadonlyArray<Pick<HelpDoc.FlagDoc, "name">>
): string => {
  if (error._tag !== "UnexpectedArgument" || !flags.some(({ name }) => name === "port")) return error.message
  const port = error.arguments.find(isPort)
  return port === undefined ? error.message : `${error.message}; the port is a flag: --port ${port}`
}
