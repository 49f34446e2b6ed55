/* kvreg_python.h - one core for a program and the Python that it embeds.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The Python module kvreg looks for a core that the process already holds before it loads its own. It finds one that
 * is a shared library, or whose symbols the program exports, by itself. It cannot find one that is linked statically
 * into a program that exports nothing; such a program offers it:
 *
 *   Py_Initialize();
 *   if (kvreg_python_offer() != 0) PyErr_Print();
 *   PyRun_SimpleString("import kvreg; print(kvreg.core_info().source)");    // capsule
 *
 * Header only, C99 and C++. This is the one file of kvreg that includes Python.h.
 */
#ifndef KVREG_PYTHON_H
#define KVREG_PYTHON_H

#include <Python.h>

#include "kvreg.h"

/** Where the Python module looks for a core that is offered, an attribute of `sys`. */
#define KVREG_PYTHON_OFFER "__kvreg_host_api__"
/** The name of the capsule that is put there; what it points to is a `kvreg_api`. */
#define KVREG_PYTHON_OFFER_NAME "kvreg.host_api.v1"
/** The capsule in which the Python module shows the table that it uses. */
#define KVREG_PYTHON_TABLE_NAME "kvreg._C_API"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Gives the table of the core that the Python module uses, importing the module if need be: for extension modules,
 * and for libraries that are loaded after Python. NULL with a Python exception on failure.
 *
 * @thread one that holds the GIL
 * @owner the library; valid for ever
 * @fork works in the child
 * @since 0.1.0
 */
static inline const kvreg_api *kvreg_python_import(void) {
  return (const kvreg_api *)PyCapsule_Import(KVREG_PYTHON_TABLE_NAME, 0);
}

/**
 * Offers a core by its table. Gives 0, or -1 with a Python exception: for a NULL table, and for an offer that comes
 * too late, after the module was imported and has found another core.
 *
 * @thread one that holds the GIL, after Py_Initialize and before the first import of kvreg
 * @owner the table stays the library's
 * @fork works in the child
 * @since 0.1.0
 */
static inline int kvreg_python_offer_table(const kvreg_api *table) {
  PyObject *modules, *capsule;
  int failed;
  if (table == NULL) {
    PyErr_SetString(PyExc_ImportError, "no kvreg core of the ABI that this program was compiled for");
    return -1;
  }
  modules = PyImport_GetModuleDict(); /* borrowed */
  if (modules != NULL && PyMapping_HasKeyString(modules, "kvreg._kvreg")) {
    const kvreg_api *used = kvreg_python_import();
    if (used == NULL) return -1;
    if (used->instance_id == table->instance_id) return 0;
    PyErr_SetString(PyExc_ImportError, "kvreg was imported before its core was offered, and uses another one");
    return -1;
  }
  capsule = PyCapsule_New((void *)table, KVREG_PYTHON_OFFER_NAME, NULL);
  if (capsule == NULL) return -1;
  failed = PySys_SetObject(KVREG_PYTHON_OFFER, capsule);
  Py_DECREF(capsule);
  return failed ? -1 : 0;
}

/**
 * Offers the core that the caller is linked with. Gives 0, or -1 with a Python exception.
 *
 * @thread as kvreg_python_offer_table
 * @owner nobody
 * @fork works in the child
 * @since 0.1.0
 */
static inline int kvreg_python_offer(void) {
  return kvreg_python_offer_table(kvreg_api_get(KVREG_ABI_MAJOR));
}

#ifdef __cplusplus
}
#endif

#endif /* KVREG_PYTHON_H */
