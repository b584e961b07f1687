/** The switch of the theme in the header. */
import type { ComponentChildren } from "preact"
import { useState } from "preact/hooks"
import * as Browser from "../Browser.ts"

const after: Readonly<Record<Browser.Theme, Browser.Theme>> = { system: "light", light: "dark", dark: "system" }

const icons: Readonly<Record<Browser.Theme, () => ComponentChildren>> = {
  system: () => (
    <>
      <rect x="1.8" y="2.5" width="12.4" height="8.5" rx="1.5" />
      <path d="M5.5 13.8h5" />
    </>
  ),
  light: () => (
    <>
      <circle cx="8" cy="8" r="2.8" />
      <path d="M8 1v1.8M8 13.2V15M1 8h1.8M13.2 8H15M3 3l1.3 1.3M11.7 11.7L13 13M13 3l-1.3 1.3M4.3 11.7L3 13" />
    </>
  ),
  dark: () => <path d="M13.6 9.9A6 6 0 016.1 2.4a6 6 0 107.5 7.5z" />
}

/** Changes between the theme of the system, the light and the dark one. */
export const ThemeSwitch = () => {
  const [theme, setTheme] = useState(Browser.storedTheme)
  const next = after[theme]
  const change = () => {
    Browser.applyTheme(next)
    setTheme(next)
  }
  const label = `Theme: ${theme}. Change to ${next}`
  return (
    <button type="button" class="button button-quiet button-icon" aria-label={label} title={label} onClick={change}>
      <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
        {icons[theme]()}
      </svg>
    </button>
  )
}
