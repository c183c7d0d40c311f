// A few named texts kept in IndexedDB. Every call opens and closes the database, so that tabs never wait for each
// other. Rejects where the browser keeps nothing, as in some private windows.

const NAME = 'weighbridge';
const STORE = 'kept';

export async function load(key) {
  return inStore('readonly', (store) => store.get(key));
}

export async function save(key, text) {
  return inStore('readwrite', (store) => store.put(text, key));
}

export async function forget(key) {
  return inStore('readwrite', (store) => store.delete(key));
}

async function inStore(mode, act) {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = act(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = () => reject(transaction.error);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error('another tab holds the database'));
  });
}
