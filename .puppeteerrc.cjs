// Tells Puppeteer to use a browser that is already here, and to download one only where there is none.
const { existsSync } = require('node:fs');

const known = [
  process.env.PUPPETEER_EXECUTABLE_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
];
const found = process.env.PUPPETEER_FORCE_DOWNLOAD ? undefined : known.find((path) => path && existsSync(path));

module.exports = {
  // The packages' install step never downloads: where Chrome cannot be fetched it would fail the whole install.
  // `scripts/chrome.mjs` downloads one when the machine has none.
  skipDownload: true,
  'chrome-headless-shell': { skipDownload: true },
  ...(found ? { executablePath: found } : {}),
};
