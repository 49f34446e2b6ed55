// interpreter.hpp - a Python interpreter inside this program, for as long as the object lives.
#ifndef TOUR_INTERPRETER_HPP
#define TOUR_INTERPRETER_HPP

// Python.h wants to be the first header of a program: it chooses features of the others.
#include <Python.h>

#include <cstdio>
#include <stdexcept>
#include <string>

namespace tour {

class Interpreter {
public:
    // `home` is where Python's own modules are, `modules` the folder of those that pip installed.
    Interpreter(const std::string &home, const std::string &modules) {
        PyPreConfig before;
        PyPreConfig_InitIsolatedConfig(&before);
        before.utf8_mode = 1; // whatever the terminal's language, what Python prints must not fail
        check(Py_PreInitialize(&before));
        PyConfig config;
        // Isolated: the user's PYTHONPATH and the like are meant for the user's own Python.
        PyConfig_InitIsolatedConfig(&config);
        config.write_bytecode = 0; // nothing is left behind beside the sources
        const PyStatus set = PyConfig_SetBytesString(&config, &config.home, home.c_str());
        const PyStatus started = PyStatus_Exception(set) ? set : Py_InitializeFromConfig(&config);
        PyConfig_Clear(&config);
        check(started);
        PyObject *path = PySys_GetObject("path"); // borrowed
        PyObject *folder = PyUnicode_DecodeFSDefault(modules.c_str());
        const bool put = path != nullptr && folder != nullptr && PyList_Insert(path, 0, folder) == 0;
        Py_XDECREF(folder);
        if (!put) throw std::runtime_error("Python's sys.path cannot be changed");
    }
    Interpreter(const Interpreter &) = delete;
    Interpreter &operator=(const Interpreter &) = delete;
    // Also writes out what Python has printed.
    ~Interpreter() { Py_FinalizeEx(); }

    // Runs a file as the main program; false if it ended with an exception, which Python has printed then.
    bool run(const std::string &file) {
        std::FILE *opened = std::fopen(file.c_str(), "rb");
        if (opened == nullptr) throw std::runtime_error("cannot read " + file);
        std::fflush(stdout); // two languages write to one terminal, each with a buffer of its own
        const bool good = PyRun_SimpleFileEx(opened, file.c_str(), 1) == 0;
        PyRun_SimpleString("import sys; sys.stdout.flush()");
        return good;
    }

private:
    static void check(const PyStatus &status) {
        if (!PyStatus_Exception(status)) return;
        throw std::runtime_error(std::string("Python does not start: ") +
                                 (status.err_msg != nullptr ? status.err_msg : "no reason given"));
    }
};

} // namespace tour
#endif
