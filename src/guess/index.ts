export * as Guess from "./Guess.ts"
export * as GuessClient from "./GuessClient.ts"
export * as GuessServer from "./GuessServer.ts"
