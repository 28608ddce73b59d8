import { findExecutable, isExecutable } from './executable.ts';
import { type Located, needs } from './engines-folder.ts';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
const fixedPaths = [
  '/usr/bin/chromium',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  String.raw`C:\Program Files\Google\Chrome\Application\chrome.exe`,
];

/** A Chromium or Chrome: `$MILLRACE_CHROMIUM`, else on `PATH`, else where systems put it. */
export function chromiumCommand(): Located {
  const chosen = process.env['MILLRACE_CHROMIUM'];
  if (chosen) {
    return isExecutable(chosen)
      ? { path: chosen }
      : { absent: `MILLRACE_CHROMIUM names no program: ${chosen}` };
  }
  const path = findExecutable(names) ?? fixedPaths.find(isExecutable);
  return path === undefined ? { absent: needs('Chromium') } : { path };
}
