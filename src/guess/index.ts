/** Number guessing over TCP: the session, the server and a client. @since 0.1.0 */
export * as Dissector from "./Dissector.ts"
export * as Guess from "./Guess.ts"
export * as GuessClient from "./GuessClient.ts"
export * as GuessServer from "./GuessServer.ts"
