/** The browser's clock, timers and stores, in one module: other modules get the time as argument. */
import * as Route from "./Route.ts"

/** Returns the time in milliseconds since 1970. */
export const nowMillis = (): number => Date.now()

/** Calls a function again and again while the page can be seen, and once when it is seen again. Returns its end. */
export const everyVisible = (intervalMillis: number, run: () => void): (() => void) => {
  const runVisible = () => {
    if (!document.hidden) run()
  }
  const timer = setInterval(runVisible, intervalMillis)
  document.addEventListener("visibilitychange", runVisible)
  return () => {
    clearInterval(timer)
    document.removeEventListener("visibilitychange", runVisible)
  }
}

/** Calls a function once, later. Returns a function that cancels it. */
export const after = (delayMillis: number, run: () => void): (() => void) => {
  const timer = setTimeout(run, delayMillis)
  return () => clearTimeout(timer)
}

/** Returns a stored text; undefined if there is none or the browser refuses its store. */
const read = (store: () => Storage, key: string): string | undefined => {
  try {
    return store().getItem(key) ?? undefined
  } catch {
    return undefined
  }
}

/** Stores a text, or removes it. A browser that refuses its store keeps nothing. */
const write = (store: () => Storage, key: string, value: string | undefined): void => {
  try {
    if (value === undefined) store().removeItem(key)
    else store().setItem(key, value)
  } catch {
    // A private window may refuse: the page works without its store.
  }
}

const tokenKey = "effect-inet.token"
const themeKey = "effect-inet.theme"

/** Tests if the address has a token, be it one that cannot be right. */
export const hasToken = (): boolean => Route.givesToken(location.hash)

/**
 * Returns the token of this tab. A token in the address, `#token=...`, is kept for the tab and removed from the address
 * and the history. One that cannot be right does not replace that of the tab.
 */
export const takeToken = (): string => {
  const given = Route.parseToken(location.hash)
  if (hasToken()) history.replaceState(null, "", "#/")
  if (given !== undefined) write(() => sessionStorage, tokenKey, given)
  return given ?? read(() => sessionStorage, tokenKey) ?? ""
}

/** Forgets the token of this tab. */
export const forgetToken = (): void => write(() => sessionStorage, tokenKey, undefined)

/** A choice of the theme: that of the system, or one of both. */
export type Theme = "system" | "light" | "dark"

/** Returns the stored choice of the theme. */
export const storedTheme = (): Theme => {
  const stored = read(() => localStorage, themeKey)
  return stored === "light" || stored === "dark" ? stored : "system"
}

/** Shows a theme and stores the choice. */
export const applyTheme = (theme: Theme): void => {
  write(() => localStorage, themeKey, theme === "system" ? undefined : theme)
  if (theme === "system") delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}

/** Copies a text. Resolves to false where the browser refuses, as it does on pages that are not from this host. */
export const copy = async (text: string): Promise<boolean> => {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false
  }
}
