# copy_tree SOURCE COPY: the tree without python/ and what builds left in it, to be configured in COPY.
copy_tree() {
    rm -rf "$2"
    mkdir "$2"
    (cd "$1" && for entry in *; do
        case $entry in
        build-aux) ;;
        python | build* | mutant | grown | autom4te.cache | Makefile | libtool | config.status | config.log | config.h | stamp-h1 | octgemm) continue ;;
        esac
        cp -Rp "$entry" "$2" || exit 1
    done) || exit 1
    find "$2" \( -name '*.o' -o -name '*.lo' -o -name '*.la' -o -name .dirstamp \) -exec rm -f {} +
}
