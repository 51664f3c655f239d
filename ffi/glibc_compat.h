/*
 * Binds pthread functions to the versions of the oldest glibc that we promise, 2.17. Since glibc 2.34 they live in libc
 * itself under a new version, and a plain build would demand that. Included before every C file of the library, also those
 * of Go's runtime/cgo, by CGO_CFLAGS. Other processors start at other versions: each needs its own list.
 */
#if defined(__linux__) && defined(__x86_64__) && defined(__gnu_linux__) && !defined(__ASSEMBLER__)
#define TASKER_SYMVER(function) __asm__(".symver " #function "," #function "@GLIBC_2.2.5")
TASKER_SYMVER(pthread_create);
TASKER_SYMVER(pthread_detach);
TASKER_SYMVER(pthread_key_create);
TASKER_SYMVER(pthread_setspecific);
TASKER_SYMVER(pthread_getspecific);
TASKER_SYMVER(pthread_attr_getstacksize);
TASKER_SYMVER(pthread_attr_setstacksize);
TASKER_SYMVER(pthread_attr_getstack);
TASKER_SYMVER(pthread_getattr_np);
TASKER_SYMVER(pthread_sigmask);
TASKER_SYMVER(pthread_atfork);
#undef TASKER_SYMVER
#endif
