// The one place that starts workers. Under `require-trusted-types-for 'script'` a worker's URL has to come from a
// policy; ours lets exactly one file pass.

const policy = globalThis.trustedTypes?.createPolicy('weighbridge', {
  createScriptURL(url) {
    if (url !== workerUrl()) throw new TypeError(`not the hashing worker: ${url}`);
    return url;
  },
});

/** Longest time from a worker's start to its first message. */
const START_LIMIT_S = 30;

/** At the root of the build, three folders above this module, wherever the registry is mounted. */
function workerUrl() {
  return new URL('../../../worker.js', import.meta.url).href;
}

/**
 * Starts a worker with the page's own program: its compiled `module` and the script that goes with it. What goes
 * wrong later comes as an error event of the worker, silence and unreadable messages too.
 */
export function startWorker(module) {
  const glue = document.querySelector('link[rel=modulepreload]').href;
  const url = workerUrl();
  const worker = new Worker(policy ? policy.createScriptURL(url) : url, { type: 'module' });
  const fail = (message) => worker.dispatchEvent(new ErrorEvent('error', { message }));
  const silence = () => fail(`it was not ready after ${START_LIMIT_S} seconds`);
  const timer = setTimeout(silence, START_LIMIT_S * 1000);
  worker.addEventListener('message', () => clearTimeout(timer), { once: true });
  worker.addEventListener('messageerror', () => fail('the browser could not read its message'));
  try {
    worker.postMessage({ glue, module });
  } catch (error) {
    clearTimeout(timer);
    worker.terminate();
    throw error;
  }
  return worker;
}
